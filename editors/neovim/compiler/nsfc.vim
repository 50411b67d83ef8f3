" `:compiler nsfc` and `:make`: what is wrong in the whole project, as a list.
if exists("current_compiler")
  finish
endif
let current_compiler = "nsfc"

CompilerSet makeprg=nsfc\ check\ --format\ short\ $*
CompilerSet errorformat=%f:%l:%c:\ %trror[%.%#]:\ %m,%f:%l:%c:\ %tarning[%.%#]:\ %m,%-G%.%#
