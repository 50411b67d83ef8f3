; How far in a line stands: one step in brackets, as `nsfc fmt` prints it.

(_ "{" "}" @end) @indent
(_ "[" "]" @end) @indent
(_ "(" ")" @end) @indent
