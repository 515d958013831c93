// image_data.S: the files that the build made, as read-only data (image_data.h).
        .section .rodata.clemmys_js, "a", @progbits
        .macro file name, path
        .balign 64
        .globl \name
\name:  .incbin "\path"
        .globl \name\()_end
\name\()_end:
        .endm
        file clemmys_js_snapshot, "js_snapshot.bin"
        file clemmys_js_builtins, "js_builtins.zip"
        .section .note.GNU-stack, "", @progbits
