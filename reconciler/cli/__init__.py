"""The command line: one file per verb; the only room that reads the environment, prints and exits.

`main` finds the verb, `options` holds what every verb takes, `session` puts the house together.
Nothing heavy is imported before a verb that needs it runs: starting up is a feature.
"""
