"""An operator's film, slides and logo, looked at when they arrive: `film`, `pictures` and `deck` check, and make of them what
jobs show.

Run by `agent.programs.scene`, never in a job.
"""
