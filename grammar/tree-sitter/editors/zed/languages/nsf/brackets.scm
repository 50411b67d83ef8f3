; Brackets that belong together.

("{" @open "}" @close)
("[" @open "]" @close)
("(" @open ")" @close)
(type_arguments "<" @open ">" @close)
(generics "<" @open ">" @close)
