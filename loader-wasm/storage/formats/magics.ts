// What files of image formats begin with (VDI's has it at `VDI_MAGIC_AT`): by these they are known by sight.

/** Version 1, which nobody reads. */
export const QCOW_MAGIC = "QFI\xfb\0\0\0\x01";
export const QCOW2_MAGIC = "QFI\xfb";
export const VMDK_MAGIC = "KDMV";
export const VMDK_DESCRIPTOR = "# Disk DescriptorFile";
export const VMDK_COWD = "COWD";
export const VMDK_SESPARSE = "\xbe\xba\xfe\xca\0\0\0\0";
export const VMDK_MAGICS: string[] = [VMDK_MAGIC, VMDK_DESCRIPTOR, VMDK_COWD, VMDK_SESPARSE];
/** Dynamic and differencing ones; fixed ones begin with what they hold. */
export const VHD_MAGIC = "conectix";
export const VHDX_MAGIC = "vhdxfile";
export const VDI_MAGIC = "\x7f\x10\xda\xbe";
export const VDI_MAGIC_AT: usize = 0x40;
