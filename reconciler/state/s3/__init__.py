"""State in S3, or in a store that speaks its protocol: one object that several runners share.

`state.open_store` makes an S3Store. `store` is the port's implementation, `lease` its lock, `probe`
finds out whether the store can be trusted at all, `bucket` sends requests and `refusals` words what
came back. Under KEY lie:

    KEY                 the state; the bucket's own versioning keeps earlier ones
    KEY.lock            who holds it and for how long, for as long as a run lasts
    KEY.probe-*         the probe's own, for less than a second

Two things keep runners apart. The lock is politeness: it spares a run the work of one that would
fail. What protects is the condition of every write: the object is replaced only if it is still the
one that was read, so that of any number of writers one wins, whatever became of the lock.
"""
