-- A line stands two spaces deeper for each bracket that lines before it have left open. The formatter knows better; this is for
-- the line that is typed.
if vim.b.did_indent then
  return
end
vim.b.did_indent = 1

vim.bo.indentexpr = "v:lua.require'nsf.indent'.indent(v:lnum)"
vim.bo.indentkeys = "0{,0},0],0),!^F,o,O"
vim.b.undo_indent = "setlocal indentexpr< indentkeys<"
