-- Starts the language server for every `.nsf` file, unless `vim.g.nsf_lsp` is false.
if vim.g.loaded_nsf or vim.g.nsf_lsp == false then
  return
end
vim.g.loaded_nsf = true

if vim.fn.has("nvim-0.11") == 1 then
  vim.lsp.enable("nsf")
elseif vim.fn.has("nvim-0.8") == 1 then
  vim.api.nvim_create_autocmd("FileType", {
    pattern = "nsf",
    callback = function(event)
      local settings = vim.fs.find("nsf.yaml", { path = event.file, upward = true })[1]
      vim.lsp.start({
        name = "nsf",
        cmd = { "nsfc", "lsp" },
        root_dir = vim.fs.dirname(settings or event.file),
      })
    end,
  })
end
