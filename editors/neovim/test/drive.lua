-- Drives a Neovim without a screen: types into it as a user does, and looks at what it shows. `nvim -l drive.lua PLUGIN PROJECT`,
-- with `nsfc` first on PATH.
local plugin, project = arg[1], arg[2]
local file = project .. "/classroom/duration.nsf"

--- Milliseconds that something awaited may take.
local LIMIT = 60000

local driven = vim.fn.jobstart({
  vim.v.progpath, "--clean", "--embed", "--headless", "--cmd", "set rtp^=" .. vim.fn.fnameescape(plugin), "-n", file,
}, { rpc = true })
assert(driven > 0, "Neovim cannot be started")

--- Runs Lua in the driven Neovim.
local function inside(code, ...)
  return vim.rpcrequest(driven, "nvim_exec_lua", code, { ... })
end

--- Types keys into it.
local function keys(text)
  vim.rpcrequest(driven, "nvim_input", text)
end

--- Waits until Lua in it gives something.
local function awaited(what, code, ...)
  local given = { ... }
  local found
  vim.wait(LIMIT, function()
    found = inside(code, unpack(given))
    return found ~= nil and found ~= vim.NIL and found ~= false
  end, 30)
  if found == nil or found == vim.NIL or found == false then
    error("waited in vain for " .. what, 2)
  end
  return found
end

local function equal(seen, wanted)
  if not vim.deep_equal(seen, wanted) then
    error(("%s is not %s"):format(vim.inspect(seen), vim.inspect(wanted)), 2)
  end
end

local before = vim.fn.readfile(file)

--- Waits until the text is this.
local function text_is(what, lines)
  awaited(what, "return vim.deep_equal(vim.api.nvim_buf_get_lines(0, 0, -1, true), ...)", lines)
end

--- Puts the cursor at a text, `into` characters in it.
local function cursor_at(text, into)
  local moved = inside([[
    local text, into = ...
    for number, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, true)) do
      local at = line:find(text, 1, true)
      if at then
        vim.api.nvim_win_set_cursor(0, { number, at - 1 + into })
        return true
      end
    end
    return false
  ]], text, into or 0)
  assert(moved, text .. " is not in the text")
end

local function diagnostics(count)
  return awaited(count .. " diagnostics", [[
    local found = vim.diagnostic.get(0)
    if #found ~= ... then return nil end
    return vim.tbl_map(function(one) return { code = one.code, source = one.source, message = one.message, line = one.lnum } end, found)
  ]], count)
end

--- Whether the server has what a request asks for.
local function serves(method)
  return inside("return vim.lsp.get_clients({ bufnr = 0, name = 'nsf' })[1]:supports_method(...)", method)
end

local failed = false

--- Does a step and says what was seen. One for which the server lacks a request is told of as not shown.
local function step(name, act, method)
  if failed then
    return
  end
  if method and not serves(method) then
    print("NOT SHOWN: neovim: " .. name .. ": this nsfc does not serve " .. method)
    return
  end
  local done, seen = pcall(act)
  failed = not done
  print((done and "ok    " or "FAIL  ") .. name .. ": " .. tostring(seen))
end

step("the server starts with a file", function()
  local version = awaited("the client", [[
    local client = vim.lsp.get_clients({ bufnr = 0, name = "nsf" })[1]
    return client and client.initialized and client.server_info and client.server_info.version
  ]])
  equal(inside("return { vim.bo.filetype, vim.bo.commentstring }"), { "nsf", "// %s" })
  local shown = vim.version()
  return ("nsfc %s in Neovim %d.%d.%d"):format(version, shown.major, shown.minor, shown.patch)
end)

step("colours", function()
  local function group(text, into)
    cursor_at(text, into)
    return inside("return vim.fn.synIDattr(vim.fn.synID(vim.fn.line('.'), vim.fn.col('.'), 1), 'name')")
  end
  local seen = {}
  local wanted = {
    { "source stay_segment", 0, "nsfItem" }, { "source stay_segment", 8, "nsfName" }, { "stu_id:   int64", 0, "nsfField" },
    { "int64 from", 0, "nsfType" }, { '"StuID"', 1, "nsfText" }, { "verify    sane_segment", 0, "nsfStep" },
    { "reject when end - start", 8, "nsfStep" }, { "12h", 0, "nsfDuration" }, { "@2023-05-20T23:30Z", 3, "nsfMoment" },
    { "expect rejected", 0, "nsfTest" }, { "80%", 0, "nsfNumber" }, { "union(", 0, "nsfFunction" },
  }
  for _, case in ipairs(wanted) do
    equal({ case[1], group(case[1], case[2]) }, { case[1], case[3] })
    table.insert(seen, case[3])
  end
  return table.concat(seen, ", ")
end)

step("indentation", function()
  keys("gg=G")
  text_is("the lines as they were", before)
  return "`=` leaves every line where the formatter has put it"
end)

step("diagnostics as you type", function()
  diagnostics(0)
  cursor_at("stay >= plan_len", 3)
  keys("ay<Esc>")
  local own = diagnostics(1)[1]
  equal({ own.code, own.source }, { "E0204", "nsf" })
  return own.message:gsub("\n", "; ")
end)

step("code action", function()
  cursor_at("stayy >= plan_len", 2)
  inside("vim.lsp.buf.code_action({ apply = true, filter = function(action) return action.isPreferred end })")
  text_is("the mended text", before)
  diagnostics(0)
  return "`stayy` is `stay` again"
end)

step("format", function()
  cursor_at("key:  stu_id")
  keys("i     <Esc>")
  inside("vim.lsp.buf.format()")
  text_is("the one layout", before)
  return "`       key:  stu_id` is `  key:  stu_id` again"
end)

step("outline", function()
  inside([[vim.lsp.buf.document_symbol({ on_list = function(list) vim.g.outline = vim.tbl_map(function(one) return one.text end, list.items) end })]])
  local names = awaited("the outline", "return vim.g.outline")
  assert(vim.tbl_contains(names, function(name) return name:find("plan_duration", 1, true) end, { predicate = true }), vim.inspect(names))
  return #names .. " names, among them " .. names[#names]
end)

step("hover", function()
  cursor_at("load      plan_stay", 11)
  keys("K")
  local shown = awaited("the window", [[
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= "" then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), "\n")
      end
    end
  ]])
  assert(shown:find("plan_stay", 1, true), shown)
  keys("<Esc>jk")
  return shown:gsub("\n", " | ")
end, "textDocument/hover")

step("completion", function()
  cursor_at("stop      when stay ==", 18)
  keys("A and sta<C-x><C-o>")
  local words = awaited("the menu", [[
    local items = vim.fn.complete_info({ "items" }).items
    return items and #items > 0 and vim.tbl_map(function(item) return item.word end, items) or nil
  ]])
  assert(vim.tbl_contains(words, "stay") or vim.tbl_contains(words, "start"), vim.inspect(words))
  keys("<C-e><Esc>u")
  text_is("the text as it was", before)
  return table.concat(vim.list_slice(words, 1, 8), ", ")
end, "textDocument/completion")

step("definition", function()
  cursor_at("verify    sane_segment", 12)
  keys("<C-]>")
  local line = awaited("the place", "local line = vim.api.nvim_get_current_line() return line:find('^verify sane_segment') and line or nil")
  keys("<C-t>")
  return line
end, "textDocument/definition")

step("references", function()
  cursor_at("state plan_stay", 8)
  keys("grr")
  local count = awaited("the list", "local list = vim.fn.getqflist() return #list > 0 and #list or nil")
  assert(count >= 5, count .. " places")
  inside("vim.cmd.cclose()")
  return count .. " places"
end, "textDocument/references")

step("rename", function()
  cursor_at("state plan_stay", 8)
  keys("grn")
  -- The server is asked first whether the name can be changed.
  assert(vim.wait(LIMIT, function() return vim.rpcrequest(driven, "nvim_get_mode").mode == "c" end, 30), "no name is asked for")
  keys("<C-u>stay_of_plan<CR>")
  local wanted = vim.tbl_map(function(line) return (line:gsub("plan_stay", "stay_of_plan")) end, before)
  text_is("the new name everywhere", wanted)
  inside("vim.lsp.buf.format()")
  diagnostics(0)
  inside("vim.lsp.buf.rename('plan_stay')")
  awaited("the old name", "return not table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), '\\n'):find('stay_of_plan')")
  inside("vim.lsp.buf.format()")
  text_is("the text as it was", before)
  return "`plan_stay` is `stay_of_plan` everywhere, and back"
end, "textDocument/rename")

step("signature help", function()
  cursor_at("union(plan_stay", 6)
  keys("i<C-s>")
  local shown = awaited("the window", [[
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= "" then
        return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, true), "\n")
      end
    end
  ]])
  keys("<Esc>")
  assert(shown:find("union", 1, true), shown)
  return shown:gsub("\n", " | ")
end, "textDocument/signatureHelp")

step("semantic tokens", function()
  cursor_at("load      plan_stay", 11)
  return awaited("the token", [[
    local found = vim.lsp.semantic_tokens.get_at_pos()
    return found and found[1] and found[1].type or nil
  ]])
end, "textDocument/semanticTokens/full")

step("inlay hints", function()
  inside("vim.lsp.inlay_hint.enable(true)")
  local hints = awaited("the hints", [[
    local found = vim.lsp.inlay_hint.get({ bufnr = 0 })
    return #found > 0 and #found or nil
  ]])
  return hints .. " hints"
end, "textDocument/inlayHint")

step("folding", function()
  inside("vim.wo.foldmethod = 'expr' vim.wo.foldexpr = 'v:lua.vim.lsp.foldexpr()'")
  cursor_at("  record {")
  return "to line " .. awaited("the fold", "vim.cmd('normal! zx') local last = vim.fn.foldclosedend('.') if last < 0 then vim.cmd('silent! normal! zc') last = vim.fn.foldclosedend('.') end return last > 0 and last or nil")
end, "textDocument/foldingRange")

step("make", function()
  inside("vim.cmd('silent! write') vim.fn.writefile(vim.fn.split(table.concat(vim.fn.readfile(...), '\\n'):gsub('homework_state%(', 'homework_stat('), '\\n'), ...)", project .. "/classroom/live.nsf")
  inside("vim.cmd('compiler nsfc') vim.cmd('silent make! ' .. vim.fn.fnameescape(...))", project)
  local list = inside("return vim.tbl_map(function(one) return { vim.fn.bufname(one.bufnr), one.lnum, one.type, one.text } end, vim.fn.getqflist())")
  equal({ #list, vim.fs.basename(list[1][1]), list[1][2] }, { 1, "live.nsf", 12 })
  return list[1][4]
end)

step("the server ends with the editor", function()
  local process = awaited("the server's process", [[
    for _, process in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
      local own = vim.api.nvim_get_proc(process)
      if own and own.name == "nsfc" then
        return process
      end
    end
  ]])
  vim.rpcnotify(driven, "nvim_input", "<Esc>:qa!<CR>")
  assert(vim.wait(LIMIT, function() return vim.api.nvim_get_proc(process) == nil end, 50), "it still runs")
  return "process " .. process .. " is gone"
end)

vim.fn.jobstop(driven)
os.exit(failed and 1 or 0)
