# Completion for fish, made by the program itself.
trunkline completions fish | source
