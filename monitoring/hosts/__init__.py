"""Hosts: their pages, what sessions cost there, and how many more they carry."""
