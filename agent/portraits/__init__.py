"""From one picture of a person to a portrait that the built-in avatar can bring to life. Never imported by a job."""
