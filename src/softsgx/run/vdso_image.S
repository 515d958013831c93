# vdso_image.S: the linked image of vdso.S as bytes.
  .section .rodata
  .globl softsgx_vdso_image, softsgx_vdso_image_end
  .hidden softsgx_vdso_image, softsgx_vdso_image_end
  .balign 4096
softsgx_vdso_image:
  .incbin VDSO_IMAGE
softsgx_vdso_image_end:
  .section .note.GNU-stack, "", @progbits
