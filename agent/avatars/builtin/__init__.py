"""The built-in avatar: a drawn presenter in a scene who blinks, breathes and moves the mouth with the sound.

`generator` paces sound and pictures, `mouth`, `idle_motion` and `expressions` decide what the face does,
`compose` keeps what was drawn, `drawing` draws. A further way of drawing stands behind `drawing.face.Face`.
"""
