/* scaffold.c: fills the bundled templates in. */
#include "plugin/scaffold.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/bundled.h"

const char *const scaffold_kinds[] = {"database", "llm", "mailer", "skill", "transport", NULL};

/* C keywords that pass for names and would not compile. */
static const char *const taken[] = {"auto", "break", "case", "char", "const", "continue", "default",
        "do", "double", "else", "enum", "extern", "float", "for", "goto", "if", "inline", "int",
        "long", "register", "restrict", "return", "short", "signed", "sizeof", "static", "struct",
        "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "options", "iface",
        "command", "commands", "connection", "cursor", "dialect", "columns", "deliver", NULL};

static bool is_in(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)name[i]) && name[i] != '_' &&
		        (!i || !isdigit((unsigned char)name[i])))
			return false;
	return n > 0 && n <= 40 && !is_in(name, taken);
}

/* The templates say template_name and template_kind, so that they are C and formatted as such. */
static void fill(struct buffer *b, const char *text, const char *kind, const char *name)
{
	static const char mark[] = "template_";
	const char *next;

	while ((next = strstr(text, mark))) {
		const char *word = next + strlen(mark);
		bool is_name = !strncmp(word, "name", 4), is_kind = !strncmp(word, "kind", 4);

		buffer_add(b, text, (size_t)(next - text));
		buffer_add_string(b, is_name ? name : is_kind ? kind : mark);
		text = is_name || is_kind ? word + 4 : word;
	}
	buffer_add_string(b, text);
}

static bool write_file(const char *folder, const char *file, const char *template, const char *kind,
        const char *name, FILE *err)
{
	char path[256];
	struct buffer b;
	const char *text = config_bundled(template, NULL);
	FILE *f = NULL;
	bool done = false;

	buffer_init(&b, 0);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	if (text)
		fill(&b, text, kind, name);
	if (!text || b.failed) {
		fprintf(err, "askd: no template %s\n", template);
		goto out;
	}
	f = fopen(path, "wxe");
	done = f && fwrite(b.s, 1, b.n, f) == b.n;
	if (f && fclose(f))
		done = false;
	if (!done)
		fprintf(err, "askd: %s: %s\n", path, strerror(errno));
out:
	buffer_finish(&b);
	return done;
}

int scaffold_make(const char *kind, const char *name, FILE *out, FILE *err)
{
	char source[64], template[64], options[64];

	if (!is_in(kind, scaffold_kinds)) {
		const char *nearest = text_nearest(kind, scaffold_kinds);

		fprintf(err,
		        "askd: no kind '%s'%s%s%s; there are database, llm, mailer, skill, "
		        "transport\n",
		        kind, nearest ? ", did you mean '" : "", nearest ? nearest : "",
		        nearest ? "'?" : "");
		return 1;
	}
	if (!is_name(name)) {
		fprintf(err,
		        "askd: '%s' cannot be a plugin's name: lower case letters, digits and '_', "
		        "beginning "
		        "with a letter, at most 40, no word of C\n",
		        name);
		return 1;
	}
	if (mkdir(name, 0755)) {
		fprintf(err, "askd: cannot make the folder %s: %s\n", name, strerror(errno));
		return 1;
	}
	snprintf(source, sizeof source, "%s.c", name);
	snprintf(template, sizeof template, "templates/%s.c", kind);
	snprintf(options, sizeof options, "templates/%s.yaml", kind);
	if (!write_file(name, source, template, kind, name, err) ||
	        !write_file(name, "CMakeLists.txt", "templates/project.cmake", kind, name, err) ||
	        !write_file(name, "options.yaml", options, kind, name, err))
		return 1;
	fprintf(out,
	        "made %s/ with %s, CMakeLists.txt and options.yaml. Next:\n"
	        "  cmake -S %s -B %s/build && cmake --build %s/build\n"
	        "  askd plugin check %s/build/plugins/%s/%s.so --options %s/options.yaml\n",
	        name, source, name, name, name, name, kind, name, name);
	return 0;
}
