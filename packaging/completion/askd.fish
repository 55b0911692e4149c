# Completion of askd for fish. askd itself says what may come next.
function __askd_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in ($words[1] help --complete -- $words[2..] "$word" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$word"
        else
            echo $line
        end
    end
end
complete -c askd -f -a '(__askd_complete)'
