# shellcheck shell=bash
# Completes the words of ravelin(8) in bash: commands and options as the program's own help lists them.
_ravelin() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    case $before in
        -c | --config | --ca) return ;; # a file
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=$("$1" help 2>/dev/null | sed -nE 's/^(usage:|      ) ravelin ([a-z]+).*/\2/p')
    elif [ "${COMP_WORDS[1]}" = help ]; then
        words='config doctor'
    elif [ "${COMP_WORDS[1]}" = doctor ]; then
        words=$("$1" help doctor 2>/dev/null | sed -nE 's/^ +(--[a-z]+).*/\1/p')
    elif [ "${COMP_WORDS[1]}:$COMP_CWORD" = import:2 ]; then
        words=nginx
    elif [ "${COMP_WORDS[1]}" = import ]; then
        return # a file
    elif [[ $word != -* && $COMP_CWORD -gt 2 && ${COMP_WORDS[1]} =~ ^(server|maintenance)$ ]]; then # "server NAME a|b"
        words=$("$1" help 2>/dev/null | sed -nE "s/^ +ravelin ${COMP_WORDS[1]} [^ ]+ ([a-z|]+) .*/\1/p" | tr '|' ' ')
    else
        words=$("$1" help 2>/dev/null | grep -oE -- '--[a-z]+' | sort -u)
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -F _ravelin ravelin
