; What may be folded: everything in brackets that goes over lines, and the documentation of a file.

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
] @fold

(doc_comment)+ @fold
