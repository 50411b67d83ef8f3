; Names that are known in one place only.

[
  (fn_item)
  (step_function)
  (lambda)
  (each_step)
  (match_arm)
] @local.scope

(parameter name: (identifier) @local.definition.variable.parameter)
(lambda_parameters (identifier) @local.definition.variable.parameter)
(each_step name: (identifier) @local.definition.variable.parameter)

(identifier) @local.reference
