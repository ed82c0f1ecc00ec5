# fish completion for rc. Written by `rc completion fish`. Nothing of the line is executed: rc is asked.

function __rc_complete
    set -l words (commandline -opc)
    type -q $words[1]; or set words[1] rc
    # A quote that is still open is no part of the word.
    set -l current (string replace -r '^(-[^=]*=)?["\']' '$1' -- (commandline -ct))
    set -l head (string match -r -- '^-[^=]*=' $current)

    set -l lines (command $words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    set -l directive (string replace : '' -- $lines[-1])
    string match -qr '^[0-9]+$' -- $directive; or return
    set -e lines[-1]

    # rc answers for what comes after --flag=.
    set -l found
    set -l length (string length -- "$current")
    for line in "$head"$lines
        if test (string sub -l $length -- $line) = "$current"
            set -a found $line
        end
    end
    printf '%s\n' $found
    if test (count $found) -gt 0
        return
    end
    set -l path (string replace -r '^-[^=]*=' '' -- $current)
    if test (math "floor($directive / 16) % 2") -eq 1
        printf '%s\n' "$head"(__fish_complete_directories $path '')
    else if test (math "floor($directive / 4) % 2") -eq 0
        printf '%s\n' "$head"(__fish_complete_path $path)
    end
end

complete -c rc -e
complete -c rc -f -a '(__rc_complete)'
