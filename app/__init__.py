"""Gongkai (公开): the register of the statistics in government information disclosure reports."""
