// The page that shows a graph. Nothing here knows the editor.

/** A page of its own with the picture, which runs nothing and loads nothing. */
export function page(svg: string, title: string): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${escaped(title)}</title>
<style>body { margin: 0; padding: 1rem; background: #fff; } svg { max-width: none; }</style>
</head>
<body>
${svg}
</body>
</html>
`;
}

/** A text between tags. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
