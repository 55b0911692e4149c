# shellcheck shell=bash
# Completion of askd for bash. askd itself says what may come next.
_askd() {
	local line
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			compopt -o filenames 2>/dev/null # fails where no line is being edited
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
		else
			COMPREPLY+=("${line%%$'\t'*}")
		fi
	done < <("${1/#\~/$HOME}" help --complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _askd askd
