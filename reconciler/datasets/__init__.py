"""What is in a training file.

`specs` asks for the facts of every file that a spec names, and whether it can be converted; `apply`
has it converted. Nothing in here knows a price or a spec, or more of a provider than what its data
looks like.
"""
