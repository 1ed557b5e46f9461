"""A moving test card instead of a person: for tests, and to see what a network makes of picture and sound.

`card` draws it, all of a plane at once; `writing` keeps letters as finished pixels.
"""
