--- How deep a line stands.
local M = {}

--- A line without its comment and with texts emptied.
local function code(line)
  return (line:gsub('\\.', ""):gsub('"[^"]*"', ""):gsub("//.*$", ""))
end

--- The columns before a line.
---@param number integer the line, from 1
---@return integer
function M.indent(number)
  local before = vim.fn.prevnonblank(number - 1)
  if before == 0 then
    return 0
  end
  local text = code(vim.fn.getline(before))
  -- What the line closes at its start was counted where it was indented.
  local _, opened = text:gsub("[%[{(]", "")
  local _, closed = text:gsub("[%]})]", "")
  local _, first = (text:match("^%s*([%]})]*)") or ""):gsub(".", "")
  local deeper = opened - (closed - first)
  local _, closing = (vim.fn.getline(number):match("^%s*([%]})]*)") or ""):gsub(".", "")
  local width = vim.fn.shiftwidth()
  -- Brackets that open together are one step deeper.
  local steps = math.max(-1, math.min(1, deeper)) - math.min(1, closing)
  return math.max(0, vim.fn.indent(before) + steps * width)
end

return M
