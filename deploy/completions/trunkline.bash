# Completion for bash, made by the program itself.
eval "$(trunkline completions bash)"
