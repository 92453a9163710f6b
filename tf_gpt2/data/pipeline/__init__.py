"""Preparation on several machines: the steps that an Apache Beam pipeline is made of, and what starts it."""
