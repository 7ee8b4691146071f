"""Pages: originals become TIFF, PDF or JPEG, received mail becomes PDF; each in a worker process.

A worker decodes what strangers sent, the machine's own process never does:
`scan_worker` is run by `services.send.scanner`, `print_worker` by `services.print.print_pool`.
"""
