/* library_elf.c: the headers of a shared object, and whether all that they promise is in the file.
 */
#include "plugin/library_elf.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__s390x__)
#define MACHINE EM_S390
#else
#error "name the ELF machine of this architecture"
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define DATA ELFDATA2LSB
#else
#define DATA ELFDATA2MSB
#endif

enum { SPAN_MAX = 1 << 30, DYNAMIC_MAX = 4096, FILE_MAX = 1 << 30, PAGE = 4096, PAGES = 8 };

struct page {
	uint64_t number; /* of the page, from 1; 0: nothing is read yet */
	unsigned char bytes[PAGE];
};

/* The file: read, not mapped, since it may shrink under us. */
struct image {
	const char *path;
	int fd;
	uint64_t size;
	struct page *pages; /* PAGES of them: the last read ones, by their numbers */
	Elf64_Ehdr header;
	Elf64_Phdr segments[ELF_SEGMENTS];
	struct askd_error *reterr;
};

static int32_t refuse(const struct image *image, const char *why)
{
	return askd_fail(image->reterr, ASKD_E_INVALID, "%s: %s", image->path, why);
}

static const unsigned char *page_read(const struct image *image, uint64_t number)
{
	struct page *page = &image->pages[number % PAGES];
	uint64_t start = number * PAGE, done = 0;
	uint64_t n = image->size - start < PAGE ? image->size - start : PAGE;
	if (page->number == number + 1)
		return page->bytes;
	page->number = 0;
	while (done < n) {
		ssize_t got = pread(
		        image->fd, page->bytes + done, (size_t)(n - done), (off_t)(start + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		done += (uint64_t)got;
	}
	page->number = number + 1;
	return page->bytes;
}

static bool read_at(const struct image *image, void *p, uint64_t n, uint64_t offset)
{
	char *to = p;
	if (offset > image->size || n > image->size - offset)
		return false;
	while (n) {
		const unsigned char *bytes = page_read(image, offset / PAGE);
		uint64_t from = offset % PAGE, part = n < PAGE - from ? n : PAGE - from;
		if (!bytes)
			return false;
		memcpy(to, bytes + from, (size_t)part);
		to += part;
		offset += part;
		n -= part;
	}
	return true;
}

static int32_t check_header(struct image *image)
{
	Elf64_Ehdr *h = &image->header;
	if (!read_at(image, h, SELFMAG, 0) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return refuse(image, "is not an ELF file");
	if (!read_at(image, h, sizeof *h, 0))
		return refuse(image, "is truncated");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != DATA ||
	        h->e_machine != MACHINE)
		return refuse(image, "is made for another kind of machine");
	if (h->e_type != ET_DYN || h->e_ident[EI_VERSION] != EV_CURRENT ||
	        h->e_version != EV_CURRENT)
		return refuse(image, "is an ELF file, but not a shared object");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum > ELF_SEGMENTS)
		return refuse(image, "has damaged program headers");
	if (!read_at(image, image->segments, h->e_phnum * sizeof(Elf64_Phdr), h->e_phoff))
		return refuse(image, "is truncated");
	if (h->e_shoff && (h->e_shoff > image->size ||
	                          (uint64_t)h->e_shnum * h->e_shentsize > image->size - h->e_shoff))
		return refuse(image, "is truncated");
	return ASKD_OK;
}

static int32_t check_segments(struct image *image, struct elf_file *elf)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), last = 0;
	for (unsigned i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *p = &image->segments[i];
		if (p->p_type != PT_GNU_STACK &&
		        (p->p_offset > image->size || p->p_filesz > image->size - p->p_offset))
			return refuse(image, "is truncated");
		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_filesz > p->p_memsz || p->p_vaddr > SPAN_MAX || p->p_memsz > SPAN_MAX ||
		        p->p_vaddr < last || (p->p_align & (p->p_align - 1)) || p->p_align < page ||
		        (p->p_vaddr - p->p_offset) % p->p_align)
			return refuse(image, "has damaged program headers");
		last = p->p_vaddr + p->p_memsz;
		elf->segments[elf->count].start = p->p_vaddr;
		elf->segments[elf->count++].end = last;
	}
	return elf->count ? ASKD_OK : refuse(image, "has damaged program headers");
}

/* From an address in memory to the place in the file; UINT64_MAX: not backed by the file. */
static uint64_t file_offset(const struct image *image, uint64_t address, uint64_t n)
{
	for (unsigned i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *p = &image->segments[i];
		if (p->p_type == PT_LOAD && address >= p->p_vaddr &&
		        address - p->p_vaddr <= p->p_filesz &&
		        n <= p->p_filesz - (address - p->p_vaddr))
			return p->p_offset + (address - p->p_vaddr);
	}
	return UINT64_MAX;
}

/* The tables that the loader follows. 0: absent. */
struct dynamic {
	uint64_t strtab, strsz, symtab, syment, hash, gnu_hash;
	uint64_t rela, relasz, relaent, jmprel, pltrelsz;
	uint64_t init_array, init_arraysz, fini_array, fini_arraysz, init, fini;
	uint64_t verneed, verdef, versym;
	uint64_t names[64]; /* offsets of needed libraries, soname, run paths */
	size_t name_count;
};

static void dynamic_note(struct dynamic *d, const Elf64_Dyn *entry)
{
	uint64_t v = entry->d_un.d_val;
	switch (entry->d_tag) {
	case DT_STRTAB:
		d->strtab = v;
		break;
	case DT_STRSZ:
		d->strsz = v;
		break;
	case DT_SYMTAB:
		d->symtab = v;
		break;
	case DT_SYMENT:
		d->syment = v;
		break;
	case DT_HASH:
		d->hash = v;
		break;
	case DT_GNU_HASH:
		d->gnu_hash = v;
		break;
	case DT_RELA:
		d->rela = v;
		break;
	case DT_RELASZ:
		d->relasz = v;
		break;
	case DT_RELAENT:
		d->relaent = v;
		break;
	case DT_JMPREL:
		d->jmprel = v;
		break;
	case DT_PLTRELSZ:
		d->pltrelsz = v;
		break;
	case DT_INIT_ARRAY:
		d->init_array = v;
		break;
	case DT_INIT_ARRAYSZ:
		d->init_arraysz = v;
		break;
	case DT_FINI_ARRAY:
		d->fini_array = v;
		break;
	case DT_FINI_ARRAYSZ:
		d->fini_arraysz = v;
		break;
	case DT_INIT:
		d->init = v;
		break;
	case DT_FINI:
		d->fini = v;
		break;
	case DT_VERNEED:
		d->verneed = v;
		break;
	case DT_VERDEF:
		d->verdef = v;
		break;
	case DT_VERSYM:
		d->versym = v;
		break;
	case DT_NEEDED:
	case DT_SONAME:
	case DT_RPATH:
	case DT_RUNPATH:
		if (d->name_count < sizeof d->names / sizeof *d->names)
			d->names[d->name_count++] = v;
		break;
	default:
		break;
	}
}

static bool is_in(const struct image *image, uint64_t address, uint64_t n)
{
	return !address || file_offset(image, address, n) != UINT64_MAX;
}

/* Relocations write: each must hit one of the segments, and name a symbol of the table. */
static bool relocations_fit(const struct image *image, const struct elf_file *elf,
        const struct dynamic *d, uint64_t address, uint64_t size)
{
	uint64_t at = address ? file_offset(image, address, size) : 0;
	for (uint64_t i = 0; address && i + sizeof(Elf64_Rela) <= size; i += sizeof(Elf64_Rela)) {
		Elf64_Rela r;
		uint64_t symbol;
		if (!read_at(image, &r, sizeof r, at + i))
			return false;
		symbol = ELF64_R_SYM(r.r_info);
		if (!elf_has(elf, 0, (const void *)(uintptr_t)r.r_offset, 1) ||
		        (symbol && file_offset(image, d->symtab + symbol * sizeof(Elf64_Sym),
		                           sizeof(Elf64_Sym)) == UINT64_MAX))
			return false;
		if (symbol) {
			Elf64_Sym s;
			if (!read_at(image, &s, sizeof s,
			            file_offset(image, d->symtab + symbol * sizeof s, sizeof s)) ||
			        s.st_name >= d->strsz)
				return false;
		}
	}
	return true;
}

static bool dynamic_is_sound(
        const struct image *image, const struct elf_file *elf, const struct dynamic *d)
{
	if (!d->strtab || !d->symtab || !d->strsz || (!d->hash && !d->gnu_hash) ||
	        (d->syment && d->syment != sizeof(Elf64_Sym)) ||
	        (d->relaent && d->relaent != sizeof(Elf64_Rela)))
		return false;
	for (size_t i = 0; i < d->name_count; i++)
		if (d->names[i] >= d->strsz)
			return false;
	{
		char end = 1;
		uint64_t at = file_offset(image, d->strtab, d->strsz);
		if (at == UINT64_MAX || !read_at(image, &end, 1, at + d->strsz - 1) || end)
			return false;
	}
	return is_in(image, d->symtab, sizeof(Elf64_Sym)) && is_in(image, d->hash, 8) &&
	       is_in(image, d->gnu_hash, 16) && is_in(image, d->rela, d->relasz) &&
	       is_in(image, d->jmprel, d->pltrelsz) &&
	       is_in(image, d->init_array, d->init_arraysz) &&
	       is_in(image, d->fini_array, d->fini_arraysz) && is_in(image, d->init, 1) &&
	       is_in(image, d->fini, 1) && is_in(image, d->verneed, 16) &&
	       is_in(image, d->verdef, 16) && is_in(image, d->versym, 2) &&
	       relocations_fit(image, elf, d, d->rela, d->relasz) &&
	       relocations_fit(image, elf, d, d->jmprel, d->pltrelsz);
}

static int32_t check_dynamic(const struct image *image, const struct elf_file *elf)
{
	for (unsigned i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *p = &image->segments[i];
		struct dynamic d;
		uint64_t count = p->p_filesz / sizeof(Elf64_Dyn);
		bool ended = false;
		if (p->p_type != PT_DYNAMIC)
			continue;
		memset(&d, 0, sizeof d);
		if (count > DYNAMIC_MAX ||
		        file_offset(image, p->p_vaddr, p->p_filesz) != p->p_offset)
			return refuse(image, "has a damaged dynamic section");
		for (uint64_t k = 0; k < count && !ended; k++) {
			Elf64_Dyn entry;
			if (!read_at(image, &entry, sizeof entry, p->p_offset + k * sizeof entry))
				return refuse(image, "is truncated");
			ended = entry.d_tag == DT_NULL;
			dynamic_note(&d, &entry);
		}
		if (!ended || !dynamic_is_sound(image, elf, &d))
			return refuse(image, "has a damaged dynamic section");
		return ASKD_OK;
	}
	return refuse(image, "has no dynamic section");
}

static void read_build_id(const struct image *image, struct elf_file *elf)
{
	static const char digits[] = "0123456789abcdef";
	for (unsigned i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *p = &image->segments[i];
		uint64_t at = p->p_offset, end = p->p_offset + p->p_filesz;
		while (p->p_type == PT_NOTE && at + sizeof(Elf64_Nhdr) <= end) {
			Elf64_Nhdr note;
			unsigned char id[20];
			char name[4];
			uint64_t data;
			if (!read_at(image, &note, sizeof note, at))
				return;
			data = at + sizeof note + (((uint64_t)note.n_namesz + 3) & ~3ull);
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof name &&
			        note.n_descsz && note.n_descsz <= sizeof id &&
			        read_at(image, name, sizeof name, at + sizeof note) &&
			        !memcmp(name, "GNU", sizeof name) &&
			        read_at(image, id, note.n_descsz, data)) {
				for (uint32_t k = 0; k < note.n_descsz; k++) {
					elf->build_id[2 * k] = digits[id[k] >> 4];
					elf->build_id[2 * k + 1] = digits[id[k] & 15];
				}
				elf->build_id[(size_t)2 * note.n_descsz] = 0;
				return;
			}
			at = data + (((uint64_t)note.n_descsz + 3) & ~3ull);
		}
	}
}

int32_t elf_read(const char *path, struct elf_file *elf, struct askd_error *reterr)
{
	struct image image;
	struct page pages[PAGES];
	struct stat st;
	int32_t rc;
	memset(elf, 0, sizeof *elf);
	memset(&image, 0, sizeof image);
	for (size_t i = 0; i < PAGES; i++)
		pages[i].number = 0;
	image.pages = pages;
	image.path = path;
	image.reterr = reterr;
	/* O_NONBLOCK: a pipe in the folder must not stop the start */
	image.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (image.fd < 0) {
		int why = errno;
		return askd_fail(reterr, why == ENOENT ? ASKD_E_NOT_FOUND : ASKD_E_IO,
		        "%s: cannot be read: %s", path, strerror(why));
	}
	if (fstat(image.fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		rc = refuse(&image, "is not a regular file");
		goto out;
	}
	image.size = (uint64_t)st.st_size;
	rc = image.size ? check_header(&image) : refuse(&image, "is empty");
	if (!rc)
		rc = check_segments(&image, elf);
	if (!rc)
		rc = check_dynamic(&image, elf);
	if (!rc)
		read_build_id(&image, elf);
out:
	close(image.fd);
	return rc;
}

uint64_t elf_room(const struct elf_file *elf, uintptr_t base, const void *p)
{
	uintptr_t address = (uintptr_t)p;
	for (size_t i = 0; i < elf->count; i++)
		if (address >= base + elf->segments[i].start &&
		        address < base + elf->segments[i].end)
			return base + elf->segments[i].end - address;
	return 0;
}

bool elf_has(const struct elf_file *elf, uintptr_t base, const void *p, uint64_t n)
{
	return n <= elf_room(elf, base, p);
}
