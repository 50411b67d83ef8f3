; What can be selected and moved over as one: items, steps, parameters.

(flow_item body: (_) @function.inner) @function.outer
(fn_item body: (_) @function.inner) @function.outer
(step_function body: (_) @function.inner) @function.outer
(mapping_item body: (_) @function.inner) @function.outer
(builtin_item) @function.outer

(settings_item body: (_) @class.inner) @class.outer
(fields_item body: (_) @class.inner) @class.outer
(type_item type: (_) @class.inner) @class.outer
(test_item body: (_) @class.inner) @class.outer

[
  (verify_step)
  (load_step)
  (calculate_step)
  (save_step)
  (expand_step)
  (when_step)
  (each_step)
  (stop_step)
  (jump_step)
  (repartition_step)
  (statement)
  (check)
  (setting)
  (test_clause)
] @statement.outer

(when_step body: (_) @conditional.inner) @conditional.outer
(each_step body: (_) @loop.inner) @loop.outer
(call arguments: (_) @call.inner) @call.outer
(block) @block.outer
(parameter) @parameter.outer
(parameter type: (_) @parameter.inner)

[
  (comment)
  (doc_comment)
] @comment.outer
