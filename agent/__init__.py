"""What runs on an avatar host. Imports `protocol`, never Django or the apps."""
