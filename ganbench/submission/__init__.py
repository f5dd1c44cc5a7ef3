"""Pictures that any program has edited: tasks for it, the check of its files, their scores, and their proof."""
