; Other languages inside: remarks in comments.

([
  (comment)
  (doc_comment)
] @injection.content
  (#set! injection.language "comment"))
