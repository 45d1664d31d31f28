"""Automatic failover for mail (MX) servers.

The flow, and the folder that holds each part of it:

    observe     signals/     one session and one fixed script per host; facts become signals
    diagnose    core/        which incident is this? evidence for and against, in words
    decide      core/        hold, run a playbook, or page; always with reasons
    plan        actions/     live reads become steps with a diff, an undo and an estimate
    run         runs/        intent, act, verify; recorded before it acts; resumable; reversible
    alert       channels/    people are told, once an incident
    again       controller/  all of it, unattended, one cycle after another
    by hand     cli/         said to people, or as JSON to machines
"""

__version__ = "0.1.0"
