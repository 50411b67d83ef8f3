; Names that are known in one place only.

[
  (fn_item)
  (step_function)
  (lambda)
  (each_step)
  (match_arm)
] @local.scope

(parameter name: (identifier) @local.definition)
(lambda_parameters (identifier) @local.definition)
(each_step name: (identifier) @local.definition)
(match_arm pattern: (identifier) @local.definition)

(identifier) @local.reference
