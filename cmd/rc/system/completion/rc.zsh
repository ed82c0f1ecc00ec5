#compdef rc
# zsh completion for rc. Written by `rc completion zsh`. Nothing of the line is executed: rc is asked.

_rc() {
    local rc=${(Q)words[1]} current=${(Q)PREFIX} line name meaning directive
    local -a lines described space
    [[ $rc == '~/'* ]] && rc=$HOME${rc#\~}
    # zsh takes an unquoted {{ for an expansion, into which nothing can be put.
    [[ ${words[CURRENT]} == '{'* && -z $QIPREFIX ]] && return 1

    lines=("${(@f)$("$rc" __complete "${(@Q)words[2,CURRENT-1]}" "$current" 2>/dev/null)}")
    directive=${lines[-1]#:}
    lines[-1]=()
    [[ $directive == <-> ]] || return 1

    # rc answers for what comes after --flag=.
    if [[ $PREFIX == -*=* ]]; then
        IPREFIX+=${PREFIX%%=*}=
        PREFIX=${PREFIX#*=}
    fi
    for line in $lines; do
        # A colon divides a word from what it means here, a tab there.
        name=${line%%$'\t'*}
        meaning=${${line#"$name"}/#$'\t'/:}
        described+=("${name//:/\\:}$meaning")
    done
    ((directive & 2)) && space=(-S '')
    if (($#described)) && _describe -t rc 'rc' described "${space[@]}"; then
        return 0
    fi
    if ((directive & 16)); then
        _files -/
    elif ((!(directive & 4))); then
        _files
    else
        return 1
    fi
}

# Read from a file of fpath this is the function's first call; else it is `source`.
if [[ $funcstack[1] == _rc ]]; then
    _rc "$@"
else
    compdef _rc rc
fi
