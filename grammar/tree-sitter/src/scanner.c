// What no regular expression says: an item starts by its keyword in column 0, a raw text ends by as many signs as it began with,
// and a percent sign belongs to its number unless an operand touches it.

#include "tree_sitter/parser.h"

#include <string.h>

// In the order of the grammar's list of items.
static const char *const ITEMS[] = {
  "use", "const", "type", "fn", "builtin", "mapping", "tenant", "primary", "dimension", "fields", "space", "source",
  "table", "ingest", "subscription", "state", "verify", "calculate", "load", "save", "expand", "flow", "monitor", "test",
};

// Those that are steps, too: `verify` to `expand`.
enum { FIRST_STEP = 16, LAST_STEP = 20 };

enum { ITEM_COUNT = sizeof(ITEMS) / sizeof(ITEMS[0]), RAW_TEXT = ITEM_COUNT, PERCENT };

// The longest keyword has 12 letters.
enum { WORD_SIZE = 16, MAX_HASHES = 16 };

void *tree_sitter_nsf_external_scanner_create(void) { return NULL; }
void tree_sitter_nsf_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_nsf_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_nsf_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

// Whether a character may be part of a word. Every one beyond ASCII counts, as in the compiler's splitter.
static bool is_word(int32_t character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '_' || character >= 0x80;
}

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

// Reads the word that stands here and gives the number of the item that it starts, or ITEM_COUNT.
static unsigned item_keyword(TSLexer *lexer) {
  char word[WORD_SIZE];
  unsigned length = 0;
  while (is_word(lexer->lookahead)) {
    if (length + 1 < WORD_SIZE && lexer->lookahead < 0x80) {
      word[length] = (char)lexer->lookahead;
      length++;
    } else {
      length = WORD_SIZE;
    }
    advance(lexer);
  }
  if (length >= WORD_SIZE) {
    return ITEM_COUNT;
  }
  word[length] = '\0';
  for (unsigned item = 0; item < ITEM_COUNT; item++) {
    if (strcmp(word, ITEMS[item]) == 0) {
      return item;
    }
  }
  return ITEM_COUNT;
}

static void skip_blanks(TSLexer *lexer) {
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t') {
    advance(lexer);
  }
}

static bool is_step(unsigned item) { return item >= FIRST_STEP && item <= LAST_STEP; }

// The keyword of an item. Where brackets or a text are open it is given, too, so that the parser takes them for closed; but not if
// it reads as a setting or a step in the wrong column.
static bool scan_item(TSLexer *lexer, const bool *valid_symbols) {
  unsigned item = item_keyword(lexer);
  if (item == ITEM_COUNT) {
    return false;
  }
  lexer->mark_end(lexer);
  lexer->result_symbol = (TSSymbol)item;
  if (valid_symbols[item]) {
    return true;
  }
  skip_blanks(lexer);
  switch (lexer->lookahead) {
    case ':':
    case '=':
    case '.':
    case '+':
      return false;
    default:
      break;
  }
  if (!is_step(item)) {
    return true;
  }
  bool named = is_word(lexer->lookahead);
  while (is_word(lexer->lookahead)) {
    advance(lexer);
  }
  skip_blanks(lexer);
  return named && lexer->lookahead == '(';
}

// `r"…"`, `r#"…"#`: it may go over lines, but an item ends it.
static bool scan_raw_text(TSLexer *lexer) {
  advance(lexer);
  unsigned hashes = 0;
  while (lexer->lookahead == '#' && hashes < MAX_HASHES) {
    hashes++;
    advance(lexer);
  }
  if (lexer->lookahead != '"') {
    return false;
  }
  advance(lexer);
  while (!lexer->eof(lexer)) {
    int32_t character = lexer->lookahead;
    advance(lexer);
    if (character == '\n' && item_keyword(lexer) != ITEM_COUNT) {
      return false;
    }
    if (character != '"') {
      continue;
    }
    unsigned closing = 0;
    while (closing < hashes && lexer->lookahead == '#') {
      closing++;
      advance(lexer);
    }
    if (closing == hashes) {
      lexer->mark_end(lexer);
      lexer->result_symbol = RAW_TEXT;
      return true;
    }
  }
  return false;
}

static bool scan_percent(TSLexer *lexer) {
  advance(lexer);
  lexer->mark_end(lexer);
  if (is_word(lexer->lookahead) || lexer->lookahead == '(' || lexer->lookahead == '[' || lexer->lookahead == '{') {
    return false;
  }
  lexer->result_symbol = PERCENT;
  return true;
}

bool tree_sitter_nsf_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid_symbols) {
  (void)payload;
  if (valid_symbols[PERCENT] && lexer->lookahead == '%') {
    return scan_percent(lexer);
  }
  while (lexer->lookahead == ' ' || lexer->lookahead == '\t' || lexer->lookahead == '\r' || lexer->lookahead == '\n') {
    lexer->advance(lexer, true);
  }
  if (lexer->lookahead >= 'a' && lexer->lookahead <= 'z' && lexer->get_column(lexer) == 0 && lexer->lookahead != 'r') {
    return scan_item(lexer, valid_symbols);
  }
  if (lexer->lookahead == 'r' && valid_symbols[RAW_TEXT]) {
    return scan_raw_text(lexer);
  }
  return false;
}
