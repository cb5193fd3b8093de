"""The tests: promises on values first, then over HTTP."""
