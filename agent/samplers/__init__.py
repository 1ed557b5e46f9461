"""One file a source: the kernel's file is parsed into the protocol's dataclass, a missing reading is absent."""
