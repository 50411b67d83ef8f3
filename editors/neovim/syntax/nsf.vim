" Colours of .nsf files. A word is a keyword only where it starts an item, a step or a clause.
if exists("b:current_syntax")
  finish
endif

syntax case match
syntax iskeyword @,48-57,_,192-255

syntax match nsfName "\<\K\k*\>" contained
syntax match nsfField "\<\K\k*\ze\s*:" contains=NONE
syntax match nsfFunction "\<\K\k*\ze\s*(" contains=NONE
syntax match nsfMember "[.]\s*\zs\<\K\k*\>"

syntax keyword nsfOperator and or not in
syntax keyword nsfConditional if then else match catch
syntax keyword nsfConstant true false null
syntax match nsfType "\<\%(bool\|u\=int\%(8\|16\|32\|64\)\|float\%(32\|64\)\|decimal\|text\|bytes\|timestamp\|date\|duration\|json\|link\|attachment\)\>\ze\s*\%([^( ]\|$\|\s[^(]\)"
syntax match nsfType "\<\%(list\|set\|map\|select\|multi\)\>\ze\s*<"

" Items stand in column 0.
syntax match nsfItem "^\%(use\|const\|type\|\%(builtin\s\+\)\=fn\|mapping\|primary\|dimension\|fields\|tenant\|space\|source\|table\|ingest\|subscription\|state\|monitor\|verify\|load\|calculate\|save\|expand\|flow\|test\)\>" nextgroup=nsfName skipwhite
syntax match nsfClause "\%(^\%(flow\|load\|save\|state\|subscription\|monitor\|dimension\)\>.*\s\)\@<=\%(from\|into\|by\|on\|in\|expired\)\ze\s"
syntax match nsfSetting "^\s\+\zs\%(record\|value\|map\)\ze\s*{"

" Steps, checks, operations and clauses of tests start a statement.
syntax match nsfStep "\%(^\s\+\|[{}]\s*\|\s\s\)\@<=\%(verify\|load\|calculate\|save\|expand\|when\|each\|stop\|jump\|repartition\)\>\ze\%(\s\+[^:=,.)]\|\s*$\)"
syntax match nsfStep "\<\%(stop\|drop\|reject\|jump\s\+\K\k*\)\s\+when\>"
syntax match nsfCheck "\<\%(require\|unique\|within\)\>\ze\s\+[^:=,.)]"
syntax match nsfCheck "\<else\s\+\zs\%(reject\|drop\|when\)\>"
syntax match nsfCheck "\<\%(reject\|drop\)\>\ze\s\+\""
syntax match nsfOperation "\<\%(insert\|remove\|delete\|reset\|let\)\>\ze\s\+[^:=,.)]"
syntax match nsfTest "^\s\+\zs\%(with\|given\|expect\)\>\%(\s\+\%(rejected\|dropped\|published\|same\s\+under\)\>\)\="

syntax match nsfNumber "\<\%(0x[0-9A-Fa-f_]\+\|\d[0-9_]*\%(\.\d[0-9_]*\)\=\%([eE][-+]\=\d\+\)\=\)\>%\="
syntax match nsfDuration "\<\%(\d[0-9_]*\%(min\|ms\|s\|h\|d\)\)\+\>"
syntax match nsfMoment "@\d\{4}-\d\d-\d\d\%(T\d\d:\d\d\%(:\d\d\%(\.\d\+\)\=\)\=\%(Z\|[-+]\d\d:\d\d\)\=\)\="
syntax match nsfIdentity "#\d\+"

syntax match nsfEscape "\\\%([ntr\\\"{}]\|u{\x\{1,6}}\)" contained
syntax region nsfInterpolation matchgroup=nsfDelimiter start="{" end="}" contained contains=TOP oneline
syntax region nsfText start=+"+ skip=+\\.+ end=+"+ end="$" contains=nsfEscape,nsfInterpolation oneline
syntax region nsfText start=+\<r\z(#*\)"+ end=+"\z1+

syntax match nsfComment "//.*$" contains=@Spell
syntax match nsfDocumentation "//[/!].*$" contains=@Spell

highlight default link nsfItem Keyword
highlight default link nsfClause Keyword
highlight default link nsfStep Statement
highlight default link nsfCheck Statement
highlight default link nsfOperation Statement
highlight default link nsfTest Statement
highlight default link nsfSetting Identifier
highlight default link nsfField Identifier
highlight default link nsfName Function
highlight default link nsfFunction Function
highlight default link nsfType Type
highlight default link nsfOperator Operator
highlight default link nsfConditional Conditional
highlight default link nsfConstant Constant
highlight default link nsfNumber Number
highlight default link nsfDuration Number
highlight default link nsfMoment Constant
highlight default link nsfIdentity PreProc
highlight default link nsfText String
highlight default link nsfEscape SpecialChar
highlight default link nsfDelimiter Delimiter
highlight default link nsfComment Comment
highlight default link nsfDocumentation SpecialComment

let b:current_syntax = "nsf"
