"""S3, path style, at `/s3/{bucket}/{key}`: as much of it as boto3 and a fine-tuning job need.

Written from botocore's service model (2026-09) and AWS's user guide; where those say nothing, the
sandbox's own choice is told in the code. There are no versions, access lists, copies or bucket
settings: what is not there is refused with NotImplemented, never ignored. Every well-formed bucket
name is a bucket from its first use on, and all buckets are the one account's.

    routes.py       which operation a request is              starts here
    wire.py         who may enter, refusals, XML
    objects.py      the handlers of objects
    buckets.py      the handlers of buckets, and lists of objects
    multipart.py    the handlers of uploads in parts
    object_store.py what is stored, changed only where its conditions hold     Bedrock reads it too
    bodies.py       a request's body on its way to the disk   chunks.py, checksums.py
"""
