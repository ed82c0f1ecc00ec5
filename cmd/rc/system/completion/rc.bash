# bash completion for rc. Written by `rc completion bash`; it needs no other package.
# Nothing of the line is executed: words are taken apart here, and rc is asked.

# __rc_words takes the line before the cursor apart into the array words, without quotes; quote is
# the one that is still open, and open how much of the last word comes before it.
__rc_words() {
    local line=${COMP_LINE:0:COMP_POINT} word='' begun='' char i
    words=() quote='' open=0
    for ((i = 0; i < ${#line}; i++)); do
        char=${line:i:1}
        case $quote$char in
            [\ $'\t\n'])
                [[ $word == '~/'* ]] && word=$HOME${word:1}
                [[ $begun ]] && words+=("$word")
                word='' begun='' open=0
                ;;
            "'" | '"') quote=$char begun=1 open=${#word} ;;
            "''" | '""') quote='' ;;
            \\ | '"\') begun=1 word+=${line:++i:1} ;;
            *) begun=1 word+=$char ;;
        esac
    done
    words+=("$word")
}

# __rc_escape writes $1 into the variable escaped as the shell has to be given it.
__rc_escape() {
    local text=$1 i
    escaped=$text
    [[ $text == *[\ $'\t'\"\'\`\$\\\&\;\(\)\<\>\|\*\?!]* ]] || return
    escaped=''
    for ((i = 0; i < ${#text}; i++)); do
        [[ ${text:i:1} == [\ $'\t'\"\'\`\$\\\&\;\(\)\<\>\|\*\?!] ]] && escaped+='\'
        escaped+=${text:i:1}
    done
}

__start_rc() {
    local words quote open rc line directive value head='' before='' escaped tab=$'\t'
    local -a lines found
    __rc_words
    COMPREPLY=()
    rc=${words[0]}
    type -P -- "$rc" >/dev/null || rc=rc # an alias

    mapfile -t lines < <("$rc" __complete "${words[@]:1}" 2>/dev/null)
    ((${#lines[@]})) || return
    directive=${lines[-1]#:}
    unset 'lines[-1]'

    # rc answers for what comes after --flag=; readline replaces what comes after the last of
    # COMP_WORDBREAKS, or after the quote.
    value=${words[-1]}
    if [[ $value == -*=* ]]; then
        head=${value%%=*}= value=${value#*=}
    fi
    if [[ $quote ]]; then
        before=${words[-1]:0:open}
    elif [[ ${words[-1]} == *"$2" ]]; then
        before=${words[-1]%"$2"}
    fi

    for line in "${lines[@]}"; do
        [[ $line == "$value"* ]] && found+=("$line")
    done
    if ((${#found[@]} == 1)) || [[ $COMP_TYPE == 37 || $COMP_TYPE == 42 ]]; then
        for line in "${found[@]}"; do
            line=$head${line%%"$tab"*}
            line=${line#"$before"}
            [[ $quote ]] || { __rc_escape "$line" && line=$escaped; }
            COMPREPLY+=("$line")
        done
    else
        __rc_list
    fi

    ((directive & 2)) && compopt -o nospace
    if ((directive & 16)); then
        compopt -o dirnames +o default
    elif ((directive & 4)); then
        compopt +o default
    fi
}

# __rc_list fills COMPREPLY with what can follow, and what it means, one a line.
__rc_list() {
    local longest=0 room name
    for line in "${found[@]}"; do
        name=${line%%"$tab"*}
        ((${#name} > longest)) && longest=${#name}
    done
    room=$((COLUMNS - longest - 4))
    for line in "${found[@]}"; do
        name=$head${line%%"$tab"*}
        name=${name#"$before"}
        if [[ $line == *"$tab"* ]] && ((room > 8)); then
            line=${line#*"$tab"}
            ((${#line} > room)) && line=${line:0:room-1}…
            printf -v name '%-*s  (%s)' "$((longest + ${#head} - ${#before}))" "$name" "$line"
        fi
        COMPREPLY+=("$name")
    done
}

complete -o default -F __start_rc rc
