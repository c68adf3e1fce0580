"""What is in a training file.

`specs` asks for the facts of every file that a spec names; nobody else opens one. Nothing in here
knows a provider, a price or a spec.
"""
