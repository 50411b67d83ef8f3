vim.filetype.add({ extension = { nsf = "nsf" } })
