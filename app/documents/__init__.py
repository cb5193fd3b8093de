"""Files and what is in them: the workbook of a form, and files of many reports."""
