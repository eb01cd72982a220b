const ENTITIES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

/** Text for HTML and SVG, in content and in attributes. Control characters, which neither may hold, become U+FFFD. */
export function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string).replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd');
}
