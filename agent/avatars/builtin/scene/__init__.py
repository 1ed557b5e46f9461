"""What stands around the presenter: the scene's pictures and light, the TV in it, captions and logo.

`scene_file` reads `scenes/<name>/scene.toml`, `stage` puts a figure between back and front, `tv` shows what plays.
"""
