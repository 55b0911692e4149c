/* lexicon_fillers.c: words of a question that say nothing of the data. Words that mean something to
 * a statement (not, each, per, both, or, more, at, least, only, different ...) are none. */
#include "lexicon_inside.h"

/* Both sorted by byte; a test looks every one up. */
const char *const lexicon_fillers[] = {"'s", "a", "about", "across", "actually", "against", "all",
        "along", "alongside", "already", "also", "am", "amid", "among", "amongst", "an", "and",
        "answer", "any", "anybody", "anyone", "are", "as", "ask", "at", "basically", "be",
        "because", "been", "being", "by", "calculate", "called", "can", "certain", "compute",
        "concerning", "corresponding", "could", "curious", "database", "determine", "did",
        "display", "do", "does", "doing", "done", "during", "enumerate", "even", "ever",
        "everybody", "everyone", "exactly", "exist", "existing", "exists", "fetch", "find", "for",
        "from", "give", "given", "had", "has", "have", "having", "he", "hello", "her", "here",
        "hers", "hey", "hi", "him", "his", "how", "i", "i'd", "i'm", "identify", "im", "in",
        "inside", "interested", "into", "is", "it", "its", "itself", "ive", "just", "kindly",
        "know", "let", "let's", "lets", "like", "list", "listed", "look", "may", "me", "mentioned",
        "might", "mine", "must", "my", "named", "need", "now", "of", "ok", "okay", "on", "one",
        "ones", "onto", "our", "ours", "out", "particular", "please", "present", "print",
        "question", "really", "recorded", "regarding", "respective", "respectively", "retrieve",
        "return", "s", "search", "see", "select", "shall", "she", "should", "show", "simply", "so",
        "some", "somebody", "someone", "specific", "stored", "such", "tell", "thank", "thanks",
        "that", "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they",
        "thing", "things", "this", "those", "to", "together", "toward", "towards", "up", "upon",
        "us", "via", "want", "was", "we", "well", "were", "what", "whatever", "whats", "when",
        "where", "whether", "which", "whichever", "while", "who", "whom", "whose", "why", "will",
        "with", "within", "wonder", "wondering", "would", "you", "your", "yours"};
const size_t lexicon_filler_count = sizeof lexicon_fillers / sizeof *lexicon_fillers;

/* Verbs that say no more than that two things have to do with each other. */
const char *const lexicon_weak_verbs[] = {"achieve", "achieved", "achieves", "achieving", "appear",
        "appeared", "appearing", "appears", "assign", "assigned", "assigns", "associate",
        "associated", "associates", "associating", "attain", "attained", "attains", "based",
        "became", "become", "becomes", "belong", "belonged", "belonging", "belongs", "bring",
        "brings", "brought", "came", "choose", "chooses", "chose", "chosen", "come", "comes",
        "coming", "connected", "contribute", "contributed", "contributes", "correspond",
        "corresponded", "corresponds", "get", "gets", "getting", "go", "goes", "going", "gone",
        "got", "gotten", "happen", "happened", "happens", "held", "hold", "holding", "holds",
        "involve", "involved", "involves", "involving", "keep", "keeps", "kept", "linked", "live",
        "lived", "lives", "living", "locate", "located", "locates", "made", "make", "makes",
        "making", "obtain", "obtained", "obtains", "occur", "occurred", "occurring", "occurs",
        "offer", "offered", "offering", "offers", "participate", "participated", "participates",
        "perform", "performed", "performs", "provide", "provided", "provides", "providing", "put",
        "puts", "receive", "received", "receives", "receiving", "relate", "related", "relates",
        "relating", "reside", "resided", "resides", "residing", "serve", "served", "serves",
        "serving", "shared", "situated", "stay", "stayed", "staying", "stays", "take", "taken",
        "takes", "taking", "took", "undergo", "undergoes", "undergone", "underwent", "use", "used",
        "uses", "using", "went", "work", "worked", "working", "works"};
const size_t lexicon_weak_verb_count = sizeof lexicon_weak_verbs / sizeof *lexicon_weak_verbs;
