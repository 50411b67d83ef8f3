--- The language server is the compiler itself. It finds the project of each file on its own, so one process serves all of them.
---@type vim.lsp.Config
return {
  cmd = { "nsfc", "lsp" },
  filetypes = { "nsf" },
  root_markers = { "nsf.yaml", ".git" },
}
