; How far in a line stands: one step in brackets, as `nsfc fmt` prints it.

[
  (block)
  (settings)
  (setting_block)
  (fields_body)
  (mapping_body)
  (checks)
  (statements)
  (operations)
  (test_body)
  (record_type)
  (record)
  (list)
  (match_expression)
  (parameters)
  (arguments)
  (bindings)
] @indent.begin

[
  "}"
  "]"
  ")"
] @indent.branch @indent.end

[
  (comment)
  (doc_comment)
  (raw_text)
] @indent.auto
