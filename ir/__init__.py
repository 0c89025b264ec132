"""The stream graph: typed hardware elements, their integers, their cycles."""
